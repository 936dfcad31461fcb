import re,sys,subprocess,collections
B=sys.argv[1]
for f in sys.argv[2:]:
    t=subprocess.run([B+'/nvdisasm','-c',f],capture_output=True,text=True).stdout.splitlines()
    ins=[];lab={}
    for l in t:
        m=re.match(r'^(\.L_x_\d+):',l)
        if m: lab[m[1]]=len(ins)
        m=re.match(r'\s+/\*[0-9a-f]{4,}\*/\s+(.*?);',l)
        if m: ins.append(m[1].strip())
    loop=None
    for i,s in enumerate(ins):
        m=re.search(r'BRA `\((\.L_x_\d+)\)',s)
        if m and lab[m[1]]<=i and any('GMMA' in a for a in ins[lab[m[1]]:i]) and (loop is None or i-lab[m[1]]<loop[1]-loop[0]): loop=(lab[m[1]],i)
    if not loop: print(f,'no loop'); continue
    body=ins[loop[0]:loop[1]+1]; end=max(i for i,s in enumerate(ins) if 'EXIT' in s)
    gm=sum('GMMA' in s for s in body)
    ops=collections.Counter(re.sub(r'^@!?U?P\w+ +','',s).split()[0].split('.')[0] for s in body)
    print(f.split('/')[-1][:-6].ljust(30),'loop',len(body),'gmma',gm,'pre',loop[0],'post',end-loop[1],'bar',ops['BAR'],'ldgsts',ops['LDGSTS'], 'R2UR',ops['R2UR'])
